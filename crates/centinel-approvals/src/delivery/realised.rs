//! What came of a merged pull request, said on it once.

use super::{Delivery, DeliveryError, Note, Order};

impl Delivery<'_> {
    /// Says what a carried-out proposal saves, as it was measured after some days; once for each.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`].
    pub async fn tell_saving(
        &self,
        order: &Order<'_>,
        days: u32,
        sentence: &str,
    ) -> Result<(), DeliveryError> {
        match order.known.pull {
            Some(number) => self.say_once(order, number, Note::Realised { days }, sentence).await,
            None => Ok(()),
        }
    }
}
