"""Applications, what accounts in them can hold, and the accounts themselves as last observed."""
