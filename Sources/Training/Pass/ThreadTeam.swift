import CKernels
import Foundation

/// Threads that work on a step together: the caller's and those that wait for it between steps.
///
/// Sendable: what changes is written by the caller alone while the others wait at the barrier.
final class ThreadTeam: @unchecked Sendable {
    /// How many threads there are.
    let count: Int
    private let shared: Shared

    init(count: Int) {
        self.count = count
        shared = Shared(count: count)
        for index in 1..<max(count, 1) {
            let thread = Thread { [shared] in shared.serve(index) }
            thread.stackSize = 2 << 20
            thread.start()
        }
    }

    deinit {
        guard count > 1 else { return }
        shared.work = nil
        shared.start.wait()
    }

    /// Runs `body` on every thread, with the thread's number, and returns when all are done.
    func run(_ body: @escaping @Sendable (Int) -> Void) {
        guard count > 1 else { return body(0) }
        shared.work = body
        shared.start.wait()
        body(0)
        shared.end.wait()
        shared.work = nil
    }

    /// Waits, within `run`, until every thread has come here.
    func meet() {
        shared.middle.wait()
    }

    /// Sendable: see `ThreadTeam`. It outlives the team until the last thread has left.
    private final class Shared: @unchecked Sendable {
        let start: Barrier
        let middle: Barrier
        let end: Barrier
        /// What to run; nil: the team is gone.
        var work: (@Sendable (Int) -> Void)?

        init(count: Int) {
            start = Barrier(parties: count)
            middle = Barrier(parties: count)
            end = Barrier(parties: count)
        }

        func serve(_ index: Int) {
            while true {
                start.wait()
                guard let work else { return }
                work(index)
                end.wait()
            }
        }
    }

    /// Sendable: the C barrier is made for it.
    private final class Barrier: @unchecked Sendable {
        private let barrier: OpaquePointer?

        init(parties: Int) {
            barrier = nr_barrier_create(UInt32(parties))
        }

        deinit { nr_barrier_destroy(barrier) }

        func wait() {
            nr_barrier_wait(barrier)
        }
    }
}
