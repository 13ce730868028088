from concord.quality.check import FUNCTIONS

# Shrout & Fleiss 1979, table 2; the coefficients are printed there in table 4.
SIX_BY_FOUR = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_the_six_forms_of_the_intraclass_correlation() -> None:
    got = FUNCTIONS["icc"]({"ratings_by_item": SIX_BY_FOUR})
    printed = {"ICC1": 0.17, "ICC2": 0.29, "ICC3": 0.71, "ICC1k": 0.44, "ICC2k": 0.62, "ICC3k": 0.91}
    assert {form: round(got[form], 2) for form in printed} == printed


def test_given_weights_of_disagreement_as_cohen_published_them() -> None:
    # Weights 0 and 1 make it the plain kappa of Cohen 1960.
    table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
    plain = [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    got = FUNCTIONS["cohen_kappa_weighted"]({"table": table, "disagreement_weights": plain})
    assert round(got["kappa_w"], 10) == 0.4915254237
    # Cohen 1968, table 1: weights 0, 1, 3, 6 give .348.
    given = [[0, 1, 3], [1, 0, 6], [3, 6, 0]]
    got = FUNCTIONS["cohen_kappa_weighted"]({"table": table, "disagreement_weights": given})
    assert round(got["kappa_w"], 3) == 0.348


def test_labels_as_text_without_a_declared_scale() -> None:
    got = FUNCTIONS["cohen_kappa"]({"a": ["x", "y", "y", None], "b": ["x", "x", "y", "y"]})
    assert round(got["kappa"], 12) == 0.4


def test_alpha_of_text_is_nominal_only() -> None:
    got = FUNCTIONS["krippendorff_alpha"]({"ratings_by_annotator": [["a", "b", None], ["a", "a", "b"]]})
    assert got["nominal"] == 0.0
    assert got["interval"] is got["ratio"] is None
