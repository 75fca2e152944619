// What a passkey could not do, in a sentence on the page: allauth's scripts tell the console alone.
(() => {
  "use strict";

  const SAID = {
    NotAllowedError: "Your device did not confirm, or took too long. Try again, or sign in another way.",
    InvalidStateError: "This passkey is set up already. Use another device or key.",
    SecurityError: "Passkeys need HTTPS and a host name, not an IP address; each works only at the address that it was set up for.",
  };

  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    const place = document.querySelector("[data-passkey-error]");
    place.textContent = SAID[event.detail.exception.name] ?? "The passkey could not be used. Try again, or sign in another way.";
    place.hidden = false;
  });
})();
