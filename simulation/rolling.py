"""A rolling update, again and again: what the processes of a service know is in the store, or it is lost."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulation.lives import Lives
    from simulation.town import Town

BETWEEN_ROLLS_SECONDS = 12.0
LOOK_SECONDS = 2.0


async def roll(lives: "Lives", name: str) -> None:
    """Replace all processes of a service, one after another, until the town is calm."""
    while True:
        await asyncio.sleep(BETWEEN_ROLLS_SECONDS)
        if lives.weather.calm:
            return
        for life in list(lives.now[name]):
            await life.stop()


async def deploy(town: "Town", name: str) -> None:
    """Replace all processes of a service in a calm town, once, while somebody is paused; never where nobody is."""
    lives = town.network.lives
    while not town.closed:
        await asyncio.sleep(LOOK_SECONDS)
        if town.notebook.paused and town.notebook.paused[-1].people:
            for life in list(lives.now[name]):
                await life.stop()
            return
