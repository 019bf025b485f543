import Foundation
import Testing

@testable import Pipeline

@Suite("Content that occurs more than once")
struct ContentClaimsTests {
    private let claims = ContentClaims()

    /// What `second` is told that claims what `first` has in hand, once `then` has happened to `first`.
    private func second(after then: (ContentClaims) -> Void) throws -> String? {
        #expect(claims.claim("abc", for: "first") == nil)
        let (claims, answered) = (claims, DispatchSemaphore(value: 0))
        nonisolated(unsafe) var answer: String?
        Thread.detachNewThread {
            answer = claims.claim("abc", for: "second")
            answered.signal()
        }
        #expect(answered.wait(timeout: .now() + 0.1) == .timedOut)
        then(claims)
        #expect(answered.wait(timeout: .now() + 30) == .success)
        return answer
    }

    @Test("A path waits until the first one has its outcome, and is its duplicate then")
    func duplicate() throws {
        #expect(try second { $0.settle("abc", for: "first") } == "first")
        #expect(claims.claim("abc", for: "third") == "first")
        #expect(claims.claim("def", for: "third") == nil)
    }

    @Test("Where the first one does not speak for the content, the second has its turn")
    func turn() throws {
        #expect(try second { $0.giveBack("abc", for: "first") } == nil)
        claims.settle("abc", for: "second")
        #expect(claims.claim("abc", for: "first") == "second")
    }

    @Test("Only who claimed a content can settle it or give it back, and what is settled stays")
    func others() throws {
        let answer = try second { claims in
            claims.settle("abc", for: "third")
            claims.giveBack("abc", for: "third")
            claims.settle("abc", for: "first")
            claims.giveBack("abc", for: "first")
        }
        #expect(answer == "first")
        #expect(claims.claim("abc", for: "first") == nil, "its own path may look at it again")
    }
}
