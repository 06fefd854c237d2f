"""What ``regimeswitch doctor`` looks at: one file per subject, one function per check."""
