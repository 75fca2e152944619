// What Swagger UI leaves out for those who have a page read to them: levels of headings, and what its parts are.
(() => {
  "use strict";

  const ROLES = [
    ["h3.opblock-tag, .models h4", "aria-level", "2"],
    [".information-container", "role", "banner"],
    [".scheme-container", "role", "region"],
    [".scheme-container", "aria-label", "Authorization"],
    [".servers select", "aria-label", "Server"],
  ];
  const say = () => {
    for (const [where, attribute, value] of ROLES) {
      for (const part of document.querySelectorAll(where)) if (part.getAttribute(attribute) !== value) part.setAttribute(attribute, value);
    }
  };
  new MutationObserver(say).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
})();
