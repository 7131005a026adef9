"""The pump on a real loop, with draws that are made of steps."""

from __future__ import annotations

import asyncio

from scalewise.app.pump import Pump

PATIENCE_SECONDS = 60


class Page:
    """Writes down what is drawn and answered."""

    def __init__(self, n_steps=3):
        self.did = []
        self.n_steps = n_steps
        self.while_drawing = {}
        self.changed = asyncio.Event()
        self.pump = Pump(self.draw, self.answer)

    def draw(self):
        for step in range(self.n_steps):
            self.did.append(step)
            self.while_drawing.pop(step, lambda: None)()
            self.changed.set()
            yield

    def answer(self):
        self.did.append("answer")
        self.changed.set()

    async def until(self, holds):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds(self.did):
                self.changed.clear()
                await self.changed.wait()


def run(scene):
    asyncio.run(scene())


def test_requests_before_a_draw_are_one_and_one_during_it_makes_another():
    async def scene():
        page = Page()
        page.while_drawing[1] = page.pump.request
        for _ in range(3):
            page.pump.request()
        await page.until(lambda did: len(did) == 6)
        assert page.did == [0, 1, 2] * 2
        page.pump.request()
        await page.until(lambda did: len(did) == 9)

    run(scene)


def test_what_a_person_changed_is_answered_between_two_steps_of_a_draw():
    async def scene():
        page = Page(n_steps=50)
        page.while_drawing[2] = page.pump.answer
        page.pump.request()
        await page.until(lambda did: did.count(49) == 2)
        assert 0 < page.did.index("answer") < page.did.index(49)
        assert page.did.count("answer") == 1

    run(scene)


def test_a_closed_pump_draws_and_answers_no_more():
    async def scene():
        page = Page()
        page.while_drawing[1] = page.pump.close
        page.pump.request()
        await page.until(lambda did: 1 in did)
        page.pump.answer()
        page.pump.look_again(0.0)
        page.pump.tick()
        # Whatever had been put on the loop would come before this.
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        assert page.did == [0, 1]

    run(scene)


def test_a_draw_that_goes_wrong_is_told_to_the_loop_and_the_next_one_comes():
    async def scene():
        page, told = Page(), []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
        page.while_drawing[1] = lambda: page.pump.request() or 1 / 0
        page.pump.request()
        await page.until(lambda did: len(did) == 5)
        assert page.did == [0, 1, 0, 1, 2]
        assert [type(error) for error in told] == [ZeroDivisionError]

    run(scene)


def test_a_look_is_asked_for_once_and_draws():
    async def scene():
        page = Page(n_steps=1)
        page.pump.look_again(0.0)
        page.pump.look_again(0.0)
        await page.until(lambda did: did == [0])

    run(scene)


def test_without_a_loop_a_tick_draws_in_one_go():
    did = []

    def draw():
        did.append("begin")
        yield
        did.append("end")

    pump = Pump(draw, lambda: did.append("answer"))
    pump.tick()
    assert did == []
    pump.answer()
    pump.tick()
    pump.tick()
    assert did == ["begin", "end"]


def test_what_is_put_off_is_done_unless_the_page_is_closed():
    async def scene():
        page = Page()
        page.pump.later((0.0, 0.001), lambda: page.did.append("later"))
        page.changed.set()
        while page.did != ["later", "later"]:
            await asyncio.sleep(0)
        page.pump.later([0.0], lambda: page.did.append("too late"))
        page.pump.close()
        page.pump._loop.call_later(0.0, page.changed.set)
        page.changed.clear()
        await page.changed.wait()
        await asyncio.sleep(0)
        assert page.did == ["later", "later"]

    run(scene)
