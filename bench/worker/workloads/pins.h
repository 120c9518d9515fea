// Workloads that keep objects alive while they are used.

#ifndef HAFT_BENCH_WORKER_WORKLOADS_PINS_H_
#define HAFT_BENCH_WORKER_WORKLOADS_PINS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/worker/drawing_task.h"
#include "bench/worker/held_pin.h"

namespace haft::study {

// Each step pins any of the live handles, reads its value and lets go.
template <typename T, typename V>
class Pins : public Drawing<T, V> {
 public:
  explicit Pins(const Request& request)
      : Drawing<T, V>(request, Cells::kShared) {}

  template <typename Observer>
  class Thread final : public DrawingTask<T, V, Observer> {
   public:
    using DrawingTask<T, V, Observer>::DrawingTask;

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      Draws::Cursor draws = this->cursor();
      const Objects objects = this->stock().objects();
      const Key* const keys = this->stock().keys().data();
      for (std::size_t i = 0; i < steps; ++i) {
        const std::size_t cell = draws.Next().cell();
        HeldPin<T> pin;
        TakePin(calls, {keys[cell], objects[cell]}, pin);
        LetGo(calls, pin);
      }
      this->set_cursor(draws);
      calls.tally().Attempted(Kind::kPin, steps);
      calls.tally().Attempted(Kind::kUnpin, steps);
    }
  };
};

// Each step pins any of the live handles, and lets go of the pin that it has
// held for longest. It holds as many as the request says.
template <typename T, typename V>
class HeldPins : public Drawing<T, V> {
 public:
  explicit HeldPins(const Request& request)
      : Drawing<T, V>(request, Cells::kShared) {}

  template <typename Observer>
  class Thread final : public DrawingTask<T, V, Observer> {
   public:
    Thread(HeldPins& shared, ThreadContext& context)
        : DrawingTask<T, V, Observer>(shared, context),
          pins_(context.request.hold) {}
    ~Thread() override {
      for (HeldPin<T>& pin : pins_)
        if (pin.holds()) pin.LetGo(this->stock().table(), this->session());
    }

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      Draws::Cursor draws = this->cursor();
      const Objects objects = this->stock().objects();
      const Key* const keys = this->stock().keys().data();
      std::size_t let_go = 0;
      for (std::size_t i = 0; i < steps; ++i) {
        HeldPin<T>& oldest = pins_[at_];
        if (++at_ == pins_.size()) at_ = 0;
        if (oldest.holds()) {
          ++let_go;
          LetGo(calls, oldest);
        }
        const std::size_t cell = draws.Next().cell();
        TakePin(calls, {keys[cell], objects[cell]}, oldest);
      }
      this->set_cursor(draws);
      calls.tally().Attempted(Kind::kPin, steps);
      calls.tally().Attempted(Kind::kUnpin, let_go);
    }

   private:
    std::vector<HeldPin<T>> pins_;
    std::size_t at_ = 0;
  };
};

// Each step makes a handle, pins it, deletes it while it is pinned, reads its
// value and lets go.
template <typename T, typename V>
class DeletePinned : public Stocked<T, V> {
 public:
  explicit DeletePinned(const Request& request) : Stocked<T, V>(request, 1) {}

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(DeletePinned& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context) {}

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      const std::uintptr_t object =
          this->stock().ObjectsInHand(this->context().index)[0];
      std::size_t made = 0;
      for (std::size_t i = 0; i < steps; ++i) {
        const Key key = calls.New(object);
        if (__builtin_expect(key == kNoKey, 0)) continue;
        ++made;
        HeldPin<T> pin;
        const bool pinned = TakePin(calls, {key, object}, pin);
        calls.Delete(key, Kind::kDeletePinned);
        if (pinned) calls.Check(pin.value(), object);
        LetGo(calls, pin);
      }
      calls.tally().Attempted(Kind::kNew, steps);
      calls.tally().Attempted(Kind::kPin, made);
      calls.tally().Attempted(Kind::kDeletePinned, made);
      calls.tally().Attempted(Kind::kUnpin, made);
    }
  };
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOADS_PINS_H_
