// A page that only carries a form on to an application: sent at once.
"use strict";

document.querySelector("form[data-send]")?.submit();
