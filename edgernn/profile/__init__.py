"""What a bundle costs: measured on this machine, counted on emulated chips."""
