//! An alarm that rings on time: a runtime's own timers have a grain of a millisecond.

use std::future::poll_fn;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

#[cfg(target_os = "linux")]
use rustix::time as kernel;
#[cfg(target_os = "linux")]
use tokio::io::{Interest, unix::AsyncFd};
use tokio::time::Sleep;

use crate::clock::Clock;

/// Waits for one moment after the other.
pub struct Alarm {
    clock: Clock,
    /// What it is set to.
    due_ns: Option<i64>,
    bell: Bell,
}

enum Bell {
    /// The kernel's timer wakes the thread that waits for the sockets, and no other.
    #[cfg(target_os = "linux")]
    Kernel(AsyncFd<OwnedFd>),
    /// Where there is no such timer, or no file descriptor left for one.
    Runtime(Pin<Box<Sleep>>),
}

impl Alarm {
    /// An alarm by `clock`, not set yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            due_ns: None,
            bell: Bell::new(),
        }
    }

    /// Ready when the clock reads `due_ns` or more.
    pub fn poll(&mut self, cx: &mut Context<'_>, due_ns: i64) -> Poll<()> {
        loop {
            let now_ns = self.clock.now_ns();
            let Some(left) = u64::try_from(due_ns - now_ns).ok().filter(|left| *left > 0) else {
                self.due_ns = None;
                return Poll::Ready(());
            };
            if self.due_ns != Some(due_ns) {
                self.bell.set(Duration::from_nanos(left));
                self.due_ns = Some(due_ns);
            }
            ready!(self.bell.poll(cx));
            self.due_ns = None;
        }
    }

    /// Waits until the clock reads `due_ns`.
    pub async fn wait(&mut self, due_ns: i64) {
        poll_fn(|cx| self.poll(cx, due_ns)).await;
    }
}

impl Bell {
    #[cfg(target_os = "linux")]
    fn new() -> Self {
        let flags = kernel::TimerfdFlags::NONBLOCK | kernel::TimerfdFlags::CLOEXEC;
        let timer = kernel::timerfd_create(kernel::TimerfdClockId::Monotonic, flags);
        let timer = timer.map_err(std::io::Error::from);
        // Deprecated for descriptors that are not what they say; an owned one is.
        #[expect(deprecated)]
        let waited_for = |timer| AsyncFd::with_interest(timer, Interest::READABLE);
        match timer.and_then(waited_for) {
            Ok(timer) => Self::Kernel(timer),
            Err(_) => Self::Runtime(Box::pin(tokio::time::sleep(Duration::ZERO))),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn new() -> Self {
        Self::Runtime(Box::pin(tokio::time::sleep(Duration::ZERO)))
    }

    /// Rings after this time, and not at the one that was set before.
    fn set(&mut self, after: Duration) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Kernel(timer) => {
                let once = kernel::Itimerspec {
                    it_interval: kernel::Timespec::default(),
                    it_value: after.try_into().unwrap_or_default(),
                };
                // It fails for no timer that was created, and no time of less than 292 years.
                let _ = kernel::timerfd_settime(timer, kernel::TimerfdTimerFlags::empty(), &once);
            }
            Self::Runtime(sleep) => sleep.set(tokio::time::sleep(after)),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Kernel(timer) => {
                // An error means that the runtime is ending.
                if let Ok(mut rung) = ready!(timer.poll_read_ready(cx)) {
                    rung.clear_ready();
                }
                Poll::Ready(())
            }
            Self::Runtime(sleep) => sleep.as_mut().poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn rings_in_order(mut alarm: Alarm) {
        let mut due_ns = alarm.clock.now_ns();
        // The last two are past already.
        for gap_ns in [200_000, 1, 1_500_000, 50_000, 0, -5_000] {
            due_ns += gap_ns;
            alarm.wait(due_ns).await;
            assert!(alarm.clock.now_ns() >= due_ns, "never early");
            assert_eq!(alarm.due_ns, None);
        }
    }

    #[tokio::test]
    async fn it_rings_never_early_and_again_and_again() {
        let alarm = Alarm::new(Clock::start());
        #[cfg(target_os = "linux")]
        assert!(matches!(alarm.bell, Bell::Kernel(_)));
        rings_in_order(alarm).await;
        rings_in_order(Alarm {
            bell: Bell::Runtime(Box::pin(tokio::time::sleep(Duration::ZERO))),
            ..Alarm::new(Clock::start())
        })
        .await;
    }

    #[tokio::test]
    async fn it_can_be_set_to_another_time_before_it_rings() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock);
        let hour_ns = 3_600_000_000_000;
        let set_for_long = poll_fn(|cx| Poll::Ready(alarm.poll(cx, clock.now_ns() + hour_ns)));
        assert!(set_for_long.await.is_pending());
        alarm.wait(clock.now_ns() + 100_000).await;
    }
}
