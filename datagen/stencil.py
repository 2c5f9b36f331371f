"""Finite-difference weights on a grid of unit spacing, and the largest stable time step they allow.

    u″(x) ≈ w₀ u(x) + Σₖ wₖ (u(x+k) + u(x−k)),     wₖ = 2 (−1)^{k+1} (p!)² / (k² (p−k)! (p+k)!),  k = 1 … p
    u′(x+½) ≈ Σₖ sₖ (u(x+k+1) − u(x−k)),           s = 9/8, −1/24

of order 2p and 4 (Fornberg 1988, Mathematics of Computation 51).
"""

from math import factorial, sqrt

STAGGERED_WEIGHTS = (9 / 8, -1 / 24)


def second_derivative_weights(order: int) -> tuple[float, ...]:
    """w₀ … w_p of the centred second derivative of the even `order` = 2p."""
    p = order // 2
    side = [
        2 * (-1) ** (k + 1) * factorial(p) ** 2 / (k**2 * factorial(p - k) * factorial(p + k)) for k in range(1, p + 1)
    ]
    return (-2 * sum(side), *side)


def courant_limit(order: int) -> float:
    """Largest stable v Δt / h on a square grid in two dimensions with second-order time stepping.

    The shortest wave, alternating from node to node along both axes, must not grow:
    (v Δt / h)² · 2 Σ|wₖ| ≤ 4, the sum over the whole stencil.
    """
    centre, *side = second_derivative_weights(order)
    return 2 / sqrt(2 * (abs(centre) + 2 * sum(map(abs, side))))
