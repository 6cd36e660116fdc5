<#-- What a page hands to js/passkey.js. A data block: nothing in it runs. -->
<#macro data does>
<script type="application/json" id="passkey"><#outputformat "plainText">{
  "does": ${does?c},
  "isUserIdentified": ${(isUserIdentified!'false')},
  "challenge": ${challenge?c},
  "userVerification": ${userVerification?c},
  "rpId": ${rpId?c},
  "createTimeout": ${createTimeout?c},
  "mediation": ${(mediation!'conditional')?c},
  "unsupported": ${msg("webauthn-unsupported-browser-text")?c}
}</#outputformat></script>
</#macro>

<#-- The form that carries the answer of the authenticator. -->
<#macro answer>
    <form id="webauth" action="${url.loginAction}" method="post" hidden>
        <#list ["clientDataJSON", "authenticatorData", "signature", "credentialId", "userHandle", "error"] as name>
        <input type="hidden" id="${name}" name="${name}">
        </#list>
    </form>
    <#if authenticators??>
        <form id="authn_select" hidden>
            <#list authenticators.authenticators as authenticator><input type="hidden" name="authn_use_chk" value="${authenticator.credentialId}"></#list>
        </form>
    </#if>
</#macro>

<#-- On the sign-in page: the browser offers passkeys in the user name's field, and here is a button. -->
<#macro conditionalUIData>
    <#if enableWebAuthnConditionalUI?has_content>
        <@answer/>
        <@data does="offer"/>
        <p class="cs-other"><button id="authenticateWebAuthnButton" type="button" hidden class="${properties.kcButtonSecondaryClass!}">${msg("webauthn-doAuthenticate")}</button></p>
    </#if>
</#macro>
