"""What is known of molecules and compositions: standardise, parse, describe by numbers."""
