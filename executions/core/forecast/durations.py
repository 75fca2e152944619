"""How long a launch or a step takes, learnt from those that are over. Pure. All durations are seconds.

Durations vary by a factor rather than by an amount, so everything here works on their logarithms, and `spread` is a
standard deviation of those: 0.1 is about ten percent either way.

Servers alike form a population: what is usual among them, how much servers differ from each other, and how much one
server differs from itself. A server that was launched often is expected to take what it took; one that was launched
once or twice, something between that and what is usual; one that never was, what is usual: an empirical Bayes
estimate.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

#: A small Linux server from launch to running, in the two jobs whose log AWS published (docs/drs.md 3.4).
USUAL_LAUNCH_SECONDS = 535.0
#: Windows boots slower; by how much is a guess (docs/drs.md 3.4).
_PRIOR_FACTOR = {"windows": 1.5}
#: How far all of them together, and each of them, may lie from that.
_PRIOR_COMMON, _PRIOR_SPREAD = 0.35, 0.15
#: What is assumed of spreads until enough launches say otherwise, and as how many launches that assumption counts.
_USUAL_WITHIN, _WEIGHT_WITHIN = 0.1, 4
_USUAL_BETWEEN, _WEIGHT_BETWEEN = 0.15, 1
#: From so many launches of a server on, its forecast goes by its own history.
_ENOUGH = 3
#: A draw that must exceed what has passed is tried so often; after that it is late, by this share of the time.
_TRIES, _LATE = 12, 0.25


class Source(StrEnum):
    """What a forecast goes by, from the best to the worst."""

    HISTORY = "history"
    SIMILAR = "similar"
    GUESS = "guess"

    @classmethod
    def weakest(cls, found: Sequence[Source]) -> Source:
        order = list(cls)
        return max(found, key=order.index, default=cls.HISTORY)


@dataclass(frozen=True, slots=True)
class Expected:
    """What one thing is expected to take: a log-normal duration of this median."""

    seconds: float
    spread: float = 0.0
    #: Those of one population are late or early together, by a factor of this spread.
    population: str = ""
    common_spread: float = 0.0
    source: Source = Source.HISTORY
    #: How many past ones it is learnt from.
    learnt_from: int = 0
    #: The share of launches that fail.
    failed_share: float = 0.0

    def draw(self, rng: random.Random, factor: float = 1.0, after: float = 0.0) -> float:
        """One made-up duration, longer than `after`; `factor` is the population's in this run."""
        median = self.seconds * factor
        if not self.spread:
            return max(median, after)
        for _ in range(_TRIES):
            drawn = median * math.exp(rng.gauss(0.0, self.spread))
            if drawn > after:
                return drawn
        return after * (1 + _LATE * rng.random())

    def common_factor(self, rng: random.Random) -> float:
        return math.exp(rng.gauss(0.0, self.common_spread)) if self.common_spread else 1.0


@dataclass(frozen=True, slots=True)
class PastLaunch:
    """A launch that is over. Of one that failed, the duration says nothing."""

    server: str
    #: Servers with the same one are alike: their site and operating system.
    population: str
    seconds: float
    launched: bool = True


@dataclass(frozen=True, slots=True)
class _Population:
    usual: float
    within: float
    between: float
    common: float
    launches: int
    failed: int


class LaunchHistory:
    """Past launches, and what they say of the next one of a server."""

    def __init__(self, launches: Sequence[PastLaunch], guess_seconds: float = USUAL_LAUNCH_SECONDS) -> None:
        """`guess_seconds`: what a launch of a Linux server is expected to take where none was seen."""
        self.guess_seconds = guess_seconds
        own: dict[str, dict[str, list[float]]] = {}
        failed: dict[str, dict[str, int]] = {}
        for launch in launches:
            if launch.launched and launch.seconds > 0:
                own.setdefault(launch.population, {}).setdefault(launch.server, []).append(math.log(launch.seconds))
            elif not launch.launched:
                of = failed.setdefault(launch.population, {})
                of[launch.server] = of.get(launch.server, 0) + 1
        self._own = own
        self._failed = failed
        self._populations = {
            name: _population(servers, sum(failed.get(name, {}).values())) for name, servers in own.items()
        }

    def expected(self, server: str, population: str, platform: str) -> Expected:
        """Of a server of these; `platform` is "linux" or "windows" and decides where nothing was launched yet."""
        known = self._populations.get(population)
        if known is None:
            seconds = self.guess_seconds * _PRIOR_FACTOR.get(platform, 1.0)
            return Expected(seconds, _PRIOR_SPREAD, f"guess {platform}", _PRIOR_COMMON, Source.GUESS)
        own = self._own[population].get(server, [])
        mine = len(own) / known.within**2
        theirs = 1 / known.between**2
        level = (mine * fmean(own) + theirs * known.usual) / (mine + theirs) if own else known.usual
        is_history = len(own) >= _ENOUGH
        tries = len(own) + self._failed.get(population, {}).get(server, 0)
        # A server that fails often fails again; of one seldom tried, mostly what is usual says how often.
        usually = known.failed / (known.failed + known.launches)
        fails = (self._failed.get(population, {}).get(server, 0) + _ENOUGH * usually) / (tries + _ENOUGH)
        return Expected(
            seconds=math.exp(level),
            spread=math.sqrt(known.within**2 + 1 / (mine + theirs)),
            population=population,
            common_spread=known.common,
            source=Source.HISTORY if is_history else Source.SIMILAR,
            learnt_from=len(own) if is_history else known.launches,
            failed_share=fails,
        )


def _population(servers: Mapping[str, Sequence[float]], failed: int) -> _Population:
    """By the method of moments, each spread held near what is usual until there are launches enough."""
    means = {server: fmean(own) for server, own in servers.items()}
    launches = sum(map(len, servers.values()))
    squares = sum((one - means[server]) ** 2 for server, own in servers.items() for one in own)
    freedom = launches - len(servers)
    within_variance = (squares + _WEIGHT_WITHIN * _USUAL_WITHIN**2) / (freedom + _WEIGHT_WITHIN)
    usual = fmean(means.values())
    # What the means differ by more than chance has them differ.
    by_chance = within_variance * fmean(1 / len(own) for own in servers.values())
    differ = max(0.0, sum((mean - usual) ** 2 for mean in means.values()) - (len(means) - 1) * by_chance)
    between_variance = (differ + _WEIGHT_BETWEEN * _USUAL_BETWEEN**2) / (len(means) - 1 + _WEIGHT_BETWEEN)
    return _Population(
        usual=usual,
        within=math.sqrt(within_variance),
        between=math.sqrt(between_variance),
        common=math.sqrt(between_variance / len(means) + within_variance / launches),
        launches=launches,
        failed=failed,
    )


def expected_step(past: Sequence[float], similar: Sequence[float], guess: float) -> Expected:
    """From what the step took before; else steps of its kind; else a guess."""
    for durations, source in ((past, Source.HISTORY), (similar, Source.SIMILAR)):
        logs = [math.log(max(seconds, 0.001)) for seconds in durations]
        if logs:
            mean = fmean(logs)
            squares = sum((one - mean) ** 2 for one in logs)
            variance = (squares + _WEIGHT_WITHIN * _STEP_SPREAD**2) / (len(logs) - 1 + _WEIGHT_WITHIN)
            return Expected(
                math.exp(mean), math.sqrt(variance * (1 + 1 / len(logs))), source=source, learnt_from=len(logs)
            )
    return Expected(guess, _STEP_GUESS_SPREAD, source=Source.GUESS)


#: Steps vary more than launches, and people most of all.
_STEP_SPREAD, _STEP_GUESS_SPREAD = 0.3, 0.7
