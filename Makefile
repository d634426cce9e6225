# Each target is one task of `cargo xtask`.
.PHONY: run dev build test lint tidy bench doctor release

run dev build test lint tidy bench doctor release:
	@cargo xtask $@
