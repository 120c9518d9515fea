"""Coroutines that wait for C."""

import asyncio
import gc
import threading
import unittest

import haft
from haft import aio
from support import Callback, Thing, emitter


class CompletionTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_thread_of_c_delivers_the_result(self):
        seen = []

        def callback(user_data):
            seen.append(threading.get_ident())
            aio.complete(user_data, "result")

        kept = Callback(callback)
        async with aio.Completion() as done:
            emitter.emitter_on(kept, done)
            emitter.emitter_emit_later()
            self.assertEqual(await asyncio.wait_for(done, 30), "result")
            self.assertEqual(await done, "result", "again")
        emitter.emitter_join()
        self.assertNotEqual(seen, [threading.get_ident()])
        self.assertFalse(done.is_live)

    async def test_a_result_that_comes_before_the_wait(self):
        async with aio.Completion() as done:
            aio.complete(done.word, 5)
            self.assertFalse(done.is_live)
            self.assertEqual(await done, 5)

    async def test_only_the_first_result_counts(self):
        async with aio.Completion() as done:
            aio.complete(haft.from_pointer(done.pointer), 1)
            for late in lambda: aio.complete(done.word, 2), lambda: aio.fail(done.word, KeyError()):
                with self.assertRaises(haft.StaleHandleError):
                    late()
            self.assertEqual(await done, 1)

    async def test_one_of_many_threads_delivers(self):
        for _ in range(30):
            async with aio.Completion() as done:
                ready = threading.Barrier(3)
                delivered, refused = [], []

                def deliver(number):
                    ready.wait()
                    try:
                        aio.complete(done.word, number)
                        delivered.append(number)
                    except haft.StaleHandleError:
                        refused.append(number)

                threads = [threading.Thread(target=deliver, args=(number,)) for number in range(3)]
                for thread in threads:
                    thread.start()
                result = await asyncio.wait_for(done, 30)
                for thread in threads:
                    thread.join()
                self.assertEqual((delivered, len(refused)), ([result], 2))

    async def test_errors(self):
        async with aio.Completion() as done:
            with self.assertRaises(TypeError):
                aio.fail(done.word, "text")
            self.assertTrue(done.is_live)
            aio.fail(done.word, KeyError("lost"))
            with self.assertRaisesRegex(KeyError, "lost"):
                await done

    async def test_a_callback_after_a_timeout_is_refused(self):
        raised = []

        def callback(user_data):
            try:
                aio.complete(user_data)
            except haft.HaftError as error:
                raised.append(type(error))

        kept = Callback(callback)
        with self.assertRaises(asyncio.TimeoutError):
            async with aio.Completion() as done:
                emitter.emitter_on(kept, done)
                await asyncio.wait_for(done, 0.01)
        emitter.emitter_emit_later()
        emitter.emitter_join()
        self.assertEqual(raised, [haft.StaleHandleError])

    async def test_a_wait_can_be_repeated_after_a_timeout(self):
        async with aio.Completion() as done:
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(done, 0.01)
            self.assertTrue(done.is_live)
            aio.complete(done.word, "late")
            self.assertEqual(await done, "late")

    async def test_a_cancelled_block_ends_the_handle(self):
        words = []

        async def wait():
            async with aio.Completion() as done:
                words.append(done.word)
                await done

        task = asyncio.create_task(wait())
        while not words:
            await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertFalse(haft.is_live(words[0]))

    async def test_a_result_that_crosses_the_end_of_the_block(self):
        async with aio.Completion() as done:
            aio.complete(done.word, 1)  # arrives when the loop runs again
        await asyncio.sleep(0)
        with self.assertRaises(asyncio.CancelledError):
            await done

    async def test_a_dropped_completion_ends_its_handle(self):
        word = aio.Completion().word
        gc.collect()
        with self.assertRaises(haft.StaleHandleError):
            aio.complete(word)

    async def test_other_handles_are_refused(self):
        thing = Thing()
        with haft.Handle(thing) as handle:
            with self.assertRaisesRegex(TypeError, "of a Thing, not of a Completion"):
                aio.complete(handle)
            self.assertTrue(handle.is_live)

    async def test_after_the_loop(self):
        completions = []

        async def make():
            completions.append(aio.Completion())

        thread = threading.Thread(target=lambda: asyncio.run(make()))
        thread.start()
        thread.join()
        with self.assertRaisesRegex(RuntimeError, "closed"):
            aio.complete(completions[0].word)


class WaitTest(unittest.IsolatedAsyncioTestCase):
    async def test_the_loop_runs_while_it_waits(self):
        handle = haft.Handle(Thing())
        pin = handle.pin()
        waiting = asyncio.create_task(aio.delete_and_wait(handle, 60))
        while handle.is_live:
            await asyncio.sleep(0)
        self.assertFalse(waiting.done())
        pin.unpin()
        self.assertIsNone(await waiting)

    async def test_errors(self):
        handle = haft.Handle(Thing())
        with handle.pin(), self.assertRaises(haft.TimedOutError):
            await aio.delete_and_wait(handle, 0)
        with self.assertRaises(haft.StaleHandleError):
            await aio.delete_and_wait(handle.word, 0)


class OutsideTest(unittest.TestCase):
    def test_a_completion_needs_a_loop(self):
        live = haft.stats().live
        with self.assertRaises(RuntimeError):
            aio.Completion()
        self.assertEqual(haft.stats().live, live)


if __name__ == "__main__":
    unittest.main()
