//! First start: an installation without an owner gets one from the settings, or a link with which to claim it.

use access::organisations;
use secrecy::ExposeSecret;
use server::Groma;

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::output;

/// Says where to go and how to sign in; makes the owner, or the link, when there is none.
pub(crate) async fn greet(configuration: &Configuration, groma: &Groma, base: &str) -> Result<(), Failure> {
    let db = &groma.rooms().database;
    let fault = |error: access::Error| Failure::fault("cannot set up the organisation", error);
    match (&configuration.admin_email, &configuration.admin_password) {
        (Some(email), Some(password)) => {
            let made = organisations::set_up_unattended(db, email, password.expose_secret(), database::now())
                .await
                .map_err(|error| Failure::Usage(format!("cannot make the owner from the settings: {error}")))?;
            if made.is_some() {
                output::say(&format!("made the organisation and its owner {email}"));
            }
        }
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => {
            return Err(Failure::Usage(
                "GROMA_ADMIN_EMAIL and GROMA_ADMIN_PASSWORD belong together: one of them is missing".to_owned(),
            ));
        }
    }
    if organisations::is_set_up(db).await.map_err(fault)? {
        output::say(&format!("Groma is at {base}"));
        return Ok(());
    }
    let mut tx = db.begin().await.map_err(|error| fault(error.into()))?;
    let claim = organisations::issue_claim(&mut tx, database::now())
        .await
        .map_err(fault)?;
    tx.commit().await.map_err(|error| fault(error.into()))?;
    output::say(&format!(
        "Nobody owns this installation yet. Open this link, once, to become its owner (it works for 24 hours):\n  {base}/claim?claim={}",
        claim.reveal()
    ));
    Ok(())
}
