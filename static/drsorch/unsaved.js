// A form with [data-guard] is not left silently: once something was entered, the browser asks first.
(() => {
  "use strict";

  document.addEventListener("DOMContentLoaded", () => {
    for (const form of document.querySelectorAll("form[data-guard]")) {
      let isUnsaved = form.hasAttribute("data-unsaved"); // it came back with what is wrong with it
      for (const event of ["input", "change", "drsorch:restored"]) form.addEventListener(event, () => (isUnsaved = true));
      form.addEventListener("submit", () => (isUnsaved = false));
      window.addEventListener("beforeunload", (event) => {
        const isSigningIn = "leaving" in document.documentElement.dataset; // keep.js has it
        if (isUnsaved && !isSigningIn) event.preventDefault();
      });
    }
  });
})();
