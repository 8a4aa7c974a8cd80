"""The embedded default: hears, thinks and speaks on a laptop CPU with weights that come inside packages."""
