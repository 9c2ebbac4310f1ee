"""Where the computations run: devices, precision, memory, and the checks of input."""
