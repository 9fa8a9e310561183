//! An alarm that rings on time: a runtime's own timers have a grain of a millisecond, and a sleeping
//! core takes some tens of microseconds to wake up.

use std::future::poll_fn;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

#[cfg(target_os = "linux")]
use rustix::time as kernel;
#[cfg(target_os = "linux")]
use tokio::io::{Interest, unix::AsyncFd};
use tokio::time::Sleep;

use crate::clock::Clock;

/// So long before the moment it waits awake, if it may.
const LEAD_NS: i64 = 240_000;
/// The part of a core that all waiting awake together may take.
const AWAKE_SHARE: f64 = 0.1;

/// How long alarms have waited awake.
pub struct Vigil {
    clock: Clock,
    awake_ns: AtomicI64,
}

impl Vigil {
    /// Begins now, by `clock`.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            awake_ns: AtomicI64::new(0),
        }
    }

    /// Whether there is time left for one more.
    fn may_wait_awake(&self) -> bool {
        let limit_ns = AWAKE_SHARE * self.clock.now_ns() as f64;
        (self.awake_ns.load(Ordering::Relaxed) as f64) < limit_ns
    }

    fn was_awake(&self, ns: i64) {
        self.awake_ns.fetch_add(ns, Ordering::Relaxed);
    }
}

/// Waits for one moment after the other.
pub struct Alarm {
    vigil: Arc<Vigil>,
    /// What the bell is set to.
    set_ns: Option<i64>,
    /// Since when it has waited awake.
    awake_since_ns: Option<i64>,
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
    /// An alarm by the vigil's clock, not set yet.
    pub fn new(vigil: Arc<Vigil>) -> Self {
        Self {
            vigil,
            set_ns: None,
            awake_since_ns: None,
            bell: Bell::new(),
        }
    }

    /// Ready when the clock reads `due_ns` or more.
    pub fn poll(&mut self, cx: &mut Context<'_>, due_ns: i64) -> Poll<()> {
        loop {
            let now_ns = self.vigil.clock.now_ns();
            if now_ns >= due_ns {
                let awake_ns = self.awake_since_ns.take().map_or(0, |since| now_ns - since);
                self.vigil.was_awake(awake_ns);
                self.set_ns = None;
                return Poll::Ready(());
            }
            let near_ns = due_ns - LEAD_NS;
            if self.awake_since_ns.is_some() && now_ns >= near_ns {
                // Others get their turn, then we are polled again.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let may_wait_awake = self.vigil.may_wait_awake();
            if may_wait_awake && now_ns >= near_ns {
                self.awake_since_ns = Some(now_ns);
                continue;
            }
            let ring_ns = if may_wait_awake { near_ns } else { due_ns };
            if self
                .set_ns
                .is_none_or(|set_ns| set_ns != near_ns && set_ns != due_ns)
            {
                self.bell
                    .set(Duration::from_nanos((ring_ns - now_ns).max(1) as u64));
                self.set_ns = Some(ring_ns);
            }
            ready!(self.bell.poll(cx));
            self.set_ns = None;
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
                match ready!(timer.poll_read_ready(cx)) {
                    Ok(mut rung) => rung.clear_ready(),
                    // The runtime is ending: nobody is served any more.
                    Err(_) => return Poll::Pending,
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
        let mut due_ns = alarm.vigil.clock.now_ns();
        // The last two are past already.
        for gap_ns in [200_000, 1, 1_500_000, 50_000, 0, -5_000] {
            due_ns += gap_ns;
            alarm.wait(due_ns).await;
            assert!(alarm.vigil.clock.now_ns() >= due_ns, "never early");
            assert_eq!((alarm.set_ns, alarm.awake_since_ns), (None, None));
        }
    }

    #[tokio::test]
    async fn it_rings_never_early_and_again_and_again() {
        let vigil = Arc::new(Vigil::new(Clock::start()));
        let alarm = Alarm::new(vigil.clone());
        #[cfg(target_os = "linux")]
        assert!(matches!(alarm.bell, Bell::Kernel(_)));
        rings_in_order(alarm).await;
        rings_in_order(Alarm {
            bell: Bell::Runtime(Box::pin(tokio::time::sleep(Duration::ZERO))),
            ..Alarm::new(vigil)
        })
        .await;
    }

    #[tokio::test]
    async fn whoever_has_waited_awake_too_long_sleeps_to_the_end() {
        let clock = Clock::start();
        let vigil = Arc::new(Vigil::new(clock));
        let mut alarm = Alarm::new(vigil.clone());
        alarm.wait(clock.now_ns() + 100_000).await;
        vigil.was_awake(-vigil.awake_ns.load(Ordering::Relaxed));
        assert!(vigil.may_wait_awake(), "it has not at all");
        let hour_ns = 3_600_000_000_000;
        vigil.was_awake(hour_ns);
        assert!(!vigil.may_wait_awake());
        alarm.wait(clock.now_ns() + 100_000).await;
        assert_eq!(
            vigil.awake_ns.load(Ordering::Relaxed),
            hour_ns,
            "not once more"
        );
    }

    #[tokio::test]
    async fn it_can_be_set_to_another_time_before_it_rings() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(Arc::new(Vigil::new(clock)));
        let hour_ns = 3_600_000_000_000;
        let set_for_long = poll_fn(|cx| Poll::Ready(alarm.poll(cx, clock.now_ns() + hour_ns)));
        assert!(set_for_long.await.is_pending());
        alarm.wait(clock.now_ns() + 100_000).await;
    }
}
