"""The bodies that come in and the answers that go out, one file an audience; what is not named here never leaves."""
