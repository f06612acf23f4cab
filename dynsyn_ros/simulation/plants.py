"""The robots that can be simulated, by the name of their environment."""

from __future__ import annotations

from dynsyn_ros.simulation import bipedal_walker, walker2d
from dynsyn_ros.simulation.plant import Plant

PLANTS: dict[str, type[Plant]] = {
    **dict.fromkeys(bipedal_walker.ENVIRONMENTS, bipedal_walker.BipedalWalker),
    walker2d.ENVIRONMENT: walker2d.Walker2d,
}
ENVIRONMENTS = tuple(PLANTS)
