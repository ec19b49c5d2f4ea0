"""What people decide: plans that wait, whose an account is, work done by hand, who is one."""
