"""Tools a model can call, and how a plain function becomes one."""
