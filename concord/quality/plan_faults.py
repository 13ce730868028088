"""What an acceptance plan is refused for: the field, what is wrong with it, and what to send instead."""


class PlanRefused(ValueError):
    """No plan can be made of this guarantee.

    Attributes:
        field: the number that is wrong: aql, alpha, ltpd, beta or lot_size.
        problem: what is wrong, as a clause.
        cure: what to send instead, as a clause.
    """

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(field, problem, cure)
        self.field = field
        self.problem = problem
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.field} {self.problem}; {self.cure}"


class PlanImpossible(PlanRefused):
    """Nothing keeps such risks, or no plan of this kind does."""


class PlanTooDear(PlanRefused):
    """The plan would take more to find, or more units to inspect, than is ever allowed."""
