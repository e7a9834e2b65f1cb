"""What machines that boot begin with: Linux root file systems, made here and kept."""
