<#import "template.ftl" as layout>
<#import "portal.ftl" as portal>
<@layout.registrationLayout; section>
    <#if section = "header">
        ${msg("webauthn-error-title")}
    <#elseif section = "form">
        <form id="kc-error-credential-form" class="cs-actions" action="${url.loginAction}" method="post">
            <input type="hidden" name="authenticationExecution" value="${execution}">
            <button id="kc-try-again" class="${properties.kcButtonPrimaryClass}" type="submit" name="isSetRetry" value="retry">${msg("doTryAgain")}</button>
            <#if isAppInitiatedAction??>
                <button id="cancelWebAuthnAIA" class="${properties.kcButtonSecondaryClass}" type="submit" name="cancel-aia" value="true">${msg("doCancel")}</button>
            </#if>
        </form>
        <@portal.back/>
    </#if>
</@layout.registrationLayout>
