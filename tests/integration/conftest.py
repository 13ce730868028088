"""What holds for every test of services and tools on real parts."""

from tests.support.patient_parts import patient_parts

__all__ = ["patient_parts"]
