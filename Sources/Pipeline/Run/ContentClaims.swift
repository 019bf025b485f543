import Foundation

/// Which path of a run stands for a content that occurs more than once: the others are its duplicates.
///
/// Whether a path stands for its content is known once it has its outcome: one that a rule leaves out, or whose file changes, does
/// not. Other paths with the same content wait for that, and one of them has its turn then.
///
/// `@unchecked Sendable`: `claims` is only touched while `condition` is locked.
final class ContentClaims: @unchecked Sendable {
    private struct Claim {
        var path: String
        var isSettled: Bool
    }

    private let condition = NSCondition()
    private var claims: [String: Claim] = [:]

    /// Claims content for `path`, until it is settled or given back; waits while another path has it in hand. A path waits for
    /// one content while it has claimed none, so that nobody waits in a circle.
    ///
    /// - Returns: the path that stands for the content, if another does.
    func claim(_ sha256: String, for path: String) -> String? {
        condition.lock()
        defer { condition.unlock() }
        while let other = claims[sha256], other.path != path {
            if other.isSettled { return other.path }
            condition.wait()
        }
        claims[sha256] = Claim(path: path, isSettled: false)
        return nil
    }

    /// The path that claimed the content has an outcome that speaks for it.
    func settle(_ sha256: String, for path: String) {
        condition.withLock {
            guard claims[sha256]?.path == path else { return }
            claims[sha256]?.isSettled = true
            condition.broadcast()
        }
    }

    /// Gives a claim back that is not settled: the path did not get as far as an outcome that speaks for the content.
    func giveBack(_ sha256: String, for path: String) {
        condition.withLock {
            guard let claim = claims[sha256], claim.path == path, !claim.isSettled else { return }
            claims[sha256] = nil
            condition.broadcast()
        }
    }
}
