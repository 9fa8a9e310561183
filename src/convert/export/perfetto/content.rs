//! A request's content as slices that follow one another within the request's own.

use super::super::Span;
use crate::trace::Request;

/// How far the content of a request has been told.
pub struct Content {
    request: Span,
    /// When the last content came.
    last_ns: Option<i64>,
}

impl Content {
    /// Of a request that takes so long.
    pub fn of(request: Span) -> Self {
        Self {
            request,
            last_ns: None,
        }
    }

    /// Whether there was none yet.
    pub fn is_untold(&self) -> bool {
        self.last_ns.is_none()
    }

    /// No event lies outside of its request.
    pub fn within(&self, t_ns: i64) -> i64 {
        t_ns.clamp(self.request.from_ns, self.request.to_ns)
    }

    /// From the content before, or from the request's start, to that which came at `t_ns`.
    pub fn next(&mut self, t_ns: i64) -> Span {
        let from_ns = self.last_ns.unwrap_or(self.request.from_ns);
        let to_ns = self.within(t_ns).max(from_ns);
        self.last_ns = Some(to_ns);
        Span { from_ns, to_ns }
    }

    /// What the request's row knows of its content where there are no events: until the first of it, and
    /// from then until the last.
    pub fn untold(mut self, request: &Request) -> Option<(Span, Option<Span>)> {
        let first_ns = request.first_token_ns.filter(|_| self.is_untold())?;
        let until_first = self.next(first_ns);
        Some((
            until_first,
            request.last_token_ns.map(|last_ns| self.next(last_ns)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Span = Span {
        from_ns: 10,
        to_ns: 20,
    };

    fn span(from_ns: i64, to_ns: i64) -> Span {
        Span { from_ns, to_ns }
    }

    #[test]
    fn content_follows_content_from_the_start_of_the_request_and_never_leaves_it() {
        let mut content = Content::of(REQUEST);
        let told: Vec<Span> = [12, 12, 15, 14, 99].map(|t_ns| content.next(t_ns)).into();
        let expected = [(10, 12), (12, 12), (12, 15), (15, 15), (15, 20)];
        assert_eq!(told, expected.map(|(from, to)| span(from, to)));
        let row = Request {
            first_token_ns: Some(12),
            ..Request::default()
        };
        assert!(content.untold(&row).is_none(), "its events said so");
    }

    #[test]
    fn a_request_without_events_shows_what_its_row_knows() {
        let row = |first_token_ns, last_token_ns| Request {
            first_token_ns,
            last_token_ns,
            ..Request::default()
        };
        let untold = |row| Content::of(REQUEST).untold(&row);
        let both = (span(10, 12), Some(span(12, 18)));
        assert_eq!(untold(row(Some(12), Some(18))), Some(both));
        assert_eq!(untold(row(Some(12), None)), Some((span(10, 12), None)));
        assert_eq!(untold(row(None, Some(18))), None);
    }
}
