"""Turns, interruptions, kills, confirmations and resumptions in any order, against a model of the history."""

import asyncio
import gc
import logging
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.crash_worker import EXHAUSTIVE
from support.fakes import folder_in_memory
from support.paced import rounds
from support.turn_world import NO, YES, World

pytestmark = pytest.mark.process
SESSIONS = st.sampled_from(["anna", "bert"])
STEP = st.builds(lambda sentences, calls: f"{sentences}{calls}", st.integers(0, 3), st.text("bsfpxeg", max_size=3))
PLANS = st.lists(STEP, min_size=1, max_size=2).map(" ".join)
FAILING = PLANS.map(lambda plan: f"{plan}!")
PACES = st.sampled_from([0, 1, 4, 20])
HOW = st.sampled_from(["interrupt", "close", "cancel", "leave"])


class Turns(RuleBasedStateMachine):
    @initialize(when_busy=st.sampled_from(["queue", "refuse", "interrupt"]), seed=st.integers(0, 999))
    def begin(self, when_busy, seed):
        logging.disable(logging.WARNING)
        self.was_right = True
        gc.disable()  # what it ends would end at another moment when this is run again
        self.loop = asyncio.new_event_loop()
        self.memory = folder_in_memory(Path(tempfile.mkdtemp()))
        self.world = World(self.loop, self.memory.__enter__(), when_busy, seed)

    @rule(session=SESSIONS, plan=PLANS, pace=PACES, reports=st.booleans(), how=st.sampled_from(["typed", "spoken", "deaf"]))
    def ask(self, session, plan, pace, reports, how):
        self.world.ask(session, plan, pace=pace, reports=reports, is_spoken=how != "typed", is_deaf=how == "deaf")

    @rule(session=SESSIONS, plan=FAILING, pace=PACES)
    def ask_a_model_that_fails(self, session, plan, pace):
        self.world.ask(session, plan, pace=pace)

    @rule(session=SESSIONS, pace=PACES, calls=st.sampled_from(["p", "pp", "bp"]))
    def ask_what_needs_consent(self, session, pace, calls):
        self.world.ask(session, f"1{calls} 1", pace=pace)

    @rule(session=SESSIONS, text=st.sampled_from([YES, YES, NO]), pace=PACES, is_spoken=st.booleans())
    def reply(self, session, text, pace, is_spoken):
        self.world.ask(session, text, pace=pace, is_spoken=is_spoken)

    @rule(count=st.integers(1, 60))
    def let_go_on(self, count):
        self.loop.run_until_complete(rounds(count))

    @rule(session=SESSIONS)
    def finish(self, session):
        self.world.finish(session)

    @rule(how=HOW, which=st.integers(0, 3))
    def interrupt(self, how, which):
        if listening := self.world.listeners():
            self.world.interrupt(listening[which % len(listening)], how)

    @rule(share=st.floats(0, 1), which=st.integers(0, 3))
    def played(self, share, which):
        if listening := [listener for listener in self.world.listeners() if listener.reported is not None]:
            self.world.played(listening[which % len(listening)], share)

    @rule(count=st.integers(0, 60))
    def kill(self, count):
        self.loop.run_until_complete(rounds(count))
        self.world.kill()

    @rule()
    def reopen(self):
        self.world.reopen()

    @rule(session=SESSIONS, pace=PACES)
    def resume(self, session, pace):
        if not self.world.listeners(session) and any(asked.accepted for asked in self.world.asked[session]):
            self.world.resume(session, pace)

    @rule(session=SESSIONS)
    def forget(self, session):
        if not self.world.listeners(session):
            self.world.forget(session)

    @invariant()
    def the_history_is_right(self):
        self.was_right = False
        self.world.check()
        self.was_right = True

    def teardown(self):
        try:
            if self.was_right:
                self.world.close()
        finally:
            self.world.die()
            self.loop.close()
            self.memory.__exit__(None, None, None)
            logging.disable(logging.NOTSET)
            gc.enable()


TestTurns = Turns.TestCase
TestTurns.settings = settings(
    max_examples=2000 if EXHAUSTIVE else 60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
