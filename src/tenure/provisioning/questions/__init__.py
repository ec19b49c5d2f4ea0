"""What people ask: who has what and why, what is to come, what would be if. Nothing is changed."""
