"""Stock levels, and what makes one due."""
