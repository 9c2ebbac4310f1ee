"""What the functions of Chapter 8 refuse, with the argument that they must name."""

import math

import numpy as np

from ntkbook import learning_curves as lc
from tests.library.bad_input.calls import (
    NOT_FLOAT_ARRAYS,
    NOT_FLOATS,
    NOT_FUNCTIONS,
    NOT_INTS,
    K,
)

LEVELS = np.array([2.0, 1.0, 0.5])


def effective_ridge(eigenvalues=LEVELS, n=2, ridge=0.1, population=None):
    return lc.effective_ridge(eigenvalues, n, ridge=ridge, population=population)


def mean_field_risk(eigenvalues=LEVELS, coefficients=LEVELS, n=2, **options):
    return lc.mean_field_risk(eigenvalues, coefficients, n, **options)


def cross_validation(kernel=K, y=K[0], ridge=0.1):
    return lc.cross_validation(kernel, y, ridge=ridge)


def learnability(k_test=K, kernel=K, functions_train=K, functions_test=K, ridge=0.1):
    return lc.learnability(k_test, kernel, functions_train, functions_test, ridge=ridge)


def harmonic_eigenvalues(profile=np.cos, count=3, dimension=2):
    return lc.harmonic_eigenvalues(profile, count, dimension=dimension)


def network_harmonics(count=3, **options):
    return lc.network_harmonics(count, **options)


BAD_LEVELS = (*NOT_FLOAT_ARRAYS, -LEVELS, 0 * LEVELS, LEVELS[:, None], LEVELS * np.nan)
LEARNING_CURVES = [
    *[(function, {"eigenvalues": bad}, "eigenvalues")
      for function in (effective_ridge, mean_field_risk)
      for bad in BAD_LEVELS],
    *[(function, {"n": bad}, "n")
      for function in (effective_ridge, mean_field_risk)
      for bad in (*NOT_INTS, 0, -1)],
    *[(function, {"ridge": bad}, "ridge")
      for function in (effective_ridge, mean_field_risk, cross_validation, learnability)
      for bad in (*NOT_FLOATS, -1e-9, math.nan, math.inf)],
    *[(effective_ridge, {"population": bad}, "population")
      for bad in (*NOT_INTS[1:], 0, 2, 4)],
    *[(mean_field_risk, {"coefficients": bad}, "coefficients")
      for bad in (*NOT_FLOAT_ARRAYS, LEVELS[:2], LEVELS[:, None, None],
                  LEVELS * np.inf)],
    *[(mean_field_risk, {"noise": bad}, "noise")
      for bad in (*NOT_FLOATS, -1.0, math.nan)],
    (mean_field_risk, {"noise": 0.1, "population": 3}, "noise"),
    (mean_field_risk, {"n": 3, "noise": 0.1}, "n"),
    *[(cross_validation, {"kernel": bad}, "kernel")
      for bad in (*NOT_FLOAT_ARRAYS, K * np.nan, K[:2], K[0], -K)],
    *[(cross_validation, {"y": bad}, "y") for bad in (*NOT_FLOAT_ARRAYS, K[0, :2])],
    (cross_validation, {"kernel": np.ones((3, 3)), "ridge": 0.0}, "kernel"),
    *[(learnability, {"functions_test": bad}, "functions_test")
      for bad in (*NOT_FLOAT_ARRAYS, K[:2], K[:, :2], 0 * K)],
    *[(learnability, {"functions_train": bad}, "functions_train")
      for bad in (*NOT_FLOAT_ARRAYS, K[:2], K[0])],
    *[(learnability, {"k_test": bad}, "k_test")
      for bad in (*NOT_FLOAT_ARRAYS, K[:, :2], K[0])],
    *[(harmonic_eigenvalues, {"profile": bad}, "profile") for bad in NOT_FUNCTIONS],
    *[(harmonic_eigenvalues, {"profile": bad}, "profile")
      for bad in (lambda a: 1.0, lambda a: a[:3], lambda a: np.nan * a,
                  lambda a: a.astype(int))],
    *[(function, {"count": bad}, "count")
      for function in (harmonic_eigenvalues, network_harmonics)
      for bad in (*NOT_INTS, 0)],
    *[(harmonic_eigenvalues, {"dimension": bad}, "dimension")
      for bad in (*NOT_INTS, 1)],
    *[(network_harmonics, {"kind": bad}, "kind") for bad in (None, "cntk", 1)],
    *[(network_harmonics, {"depth": bad}, "depth") for bad in (*NOT_INTS, 0)],
]  # fmt: skip
