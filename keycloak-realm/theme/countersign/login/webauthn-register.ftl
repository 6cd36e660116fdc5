<#import "template.ftl" as layout>
<#import "field.ftl" as field>
<@layout.registrationLayout; section>
    <#if section = "header">
        ${msg("webauthn-registration-title")}
    <#elseif section = "form">
        <p>${msg("passkeyWhat")}</p>
        <noscript><p class="cs-alert cs-alert--warning">${msg("passkeyNoScript")}</p></noscript>
        <form id="register" class="${properties.kcFormClass}" action="${url.loginAction}" method="post">
            <#list ["clientDataJSON", "attestationObject", "publicKeyCredentialId", "transports", "authenticatorAttachment", "error"] as name>
            <input type="hidden" id="${name}" name="${name}">
            </#list>
            <@field.input name="authenticatorLabel" label=msg("passkeyName") value=msg("webauthn-registration-init-label") hint=msg("webauthn-registration-init-label-prompt") error=""/>
            <@field.checkbox name="logout-sessions" label=msg("logoutOtherSessions") value=false/>
            <div class="cs-actions">
                <button id="registerWebAuthn" class="${properties.kcButtonPrimaryClass}" type="button" hidden>${msg("doRegisterSecurityKey")}</button>
                <#if !isSetRetry?has_content && isAppInitiatedAction?has_content>
                    <button id="cancelWebAuthnAIA" class="${properties.kcButtonSecondaryClass}" type="submit" name="cancel-aia" value="true">${msg("doCancel")}</button>
                </#if>
            </div>
        </form>
        <script type="application/json" id="passkey"><#outputformat "plainText">{
          "does": "register",
          "challenge": ${challenge?c},
          "userid": ${userid?c},
          "username": ${username?c},
          "signatureAlgorithms": [<#list signatureAlgorithms as alg>${alg?c}<#sep>,</#sep></#list>],
          "rpEntityName": ${rpEntityName?c},
          "rpId": ${rpId?c},
          "attestation": ${attestationConveyancePreference?c},
          "attachment": ${authenticatorAttachment?c},
          "requireResidentKey": ${requireResidentKey?c},
          "residentKey": ${residentKey?c},
          "userVerification": ${userVerificationRequirement?c},
          "createTimeout": ${createTimeout?c},
          "exclude": ${excludeCredentialIds?c},
          "unsupported": ${msg("webauthn-unsupported-browser-text")?c}
        }</#outputformat></script>
    </#if>
</@layout.registrationLayout>
