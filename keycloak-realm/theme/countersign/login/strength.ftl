<#-- The realm's password policy as a sentence. It holds without JavaScript and for everyone. -->
<#macro policy>
<#compress>
<#if (passwordPolicies.length)??>${msg("policyLength", passwordPolicies.length)} ${msg("policyAdvice")}</#if>
<#if (passwordPolicies.digits)??>${msg("policyDigits", passwordPolicies.digits)}</#if>
<#if (passwordPolicies.lowerCase)??>${msg("policyLowerCase", passwordPolicies.lowerCase)}</#if>
<#if (passwordPolicies.upperCase)??>${msg("policyUpperCase", passwordPolicies.upperCase)}</#if>
<#if (passwordPolicies.specialChars)??>${msg("policySpecialChars", passwordPolicies.specialChars)}</#if>
<#if (passwordPolicies.notUsername)!false>${msg("policyNotUsername")}</#if>
<#if (passwordPolicies.passwordHistory)??>${msg("policyHistory", passwordPolicies.passwordHistory)}</#if>
</#compress>
</#macro>

<#-- js/strength.js shows and fills it as one types. The server alone decides. -->
<#macro label of>
<div class="cs-strength" id="${of}-strength" hidden data-of="${of}"
    data-length="${((passwordPolicies.length)!0)?c}" data-max="${((passwordPolicies.maxLength)!0)?c}"
    data-digits="${((passwordPolicies.digits)!0)?c}" data-lower="${((passwordPolicies.lowerCase)!0)?c}"
    data-upper="${((passwordPolicies.upperCase)!0)?c}" data-special="${((passwordPolicies.specialChars)!0)?c}"
    data-user="${(auth.attemptedUsername)!''}"
    data-weak="${msg("strengthWeak")}" data-fair="${msg("strengthFair")}" data-good="${msg("strengthGood")}"
    data-short="${msg("strengthShort")}" data-short-one="${msg("strengthShortOne")}" data-long="${msg("strengthLong")}"
    data-kinds="${msg("strengthKinds")}" data-guess="${msg("strengthGuess")}">
  <progress max="3" value="0" aria-label="${msg("strengthLabel")}"></progress>
  <p role="status"></p>
</div>
</#macro>
