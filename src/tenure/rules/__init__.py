"""Access rules: which attributes give which applications and entitlements."""
