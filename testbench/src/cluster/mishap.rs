//! What can go wrong in a played run, by no fault of the plugin's.

/// A failure that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The setup hook of segment 0 fails every time.
    HookFails,
    /// The plugin of segment 0 is killed in the middle of a stream.
    SegmentDies,
    /// Somebody cancels the run: every plugin gets SIGTERM in the middle of its stream.
    Cancelled,
}
