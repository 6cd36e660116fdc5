<#import "template.ftl" as layout>
<#import "passkeys.ftl" as passkeys>
<@layout.registrationLayout; section>
    <#if section = "header">
        ${msg("webauthn-login-title")}
    <#elseif section = "form">
        <div id="kc-form-webauthn">
            <@passkeys.answer/>
            <#if authenticators?? && (shouldDisplayAuthenticators!false)>
                <p>${msg("webauthn-available-authenticators")}</p>
                <ul id="kc-webauthn-authenticators"><#list authenticators.authenticators as authenticator><li>${authenticator.label}</li></#list></ul>
            </#if>
            <p>${msg("passkeyAsk")}</p>
            <noscript><p class="cs-alert cs-alert--warning">${msg("passkeyNoScript")}</p></noscript>
            <p class="cs-actions"><button id="authenticateWebAuthnButton" class="${properties.kcButtonPrimaryClass}" type="button" hidden>${msg("webauthn-doAuthenticate")}</button></p>
            <@passkeys.data does="authenticate"/>
        </div>
    </#if>
</@layout.registrationLayout>
