"""What applications say of their accounts, compared with what is known of them."""
