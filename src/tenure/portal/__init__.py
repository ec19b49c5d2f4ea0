"""The employee's pages: the welcome, the applications, the profile, the keys."""
