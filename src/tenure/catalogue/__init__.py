"""What Tenure can connect: one file for each application, with settings, facts and instructions."""
