from tests.runtimes import runtime

__all__ = ["runtime"]
