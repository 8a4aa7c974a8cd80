"""The dialect of Step-Audio 2."""
