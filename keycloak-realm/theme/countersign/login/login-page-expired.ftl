<#import "template.ftl" as layout>
<#import "portal.ftl" as portal>
<@layout.registrationLayout; section>
    <#if section = "header">
        ${msg("pageExpiredTitle")}
    <#elseif section = "form">
        <p>${msg("pageExpiredText")}</p>
        <p class="cs-actions">
            <a class="${properties.kcButtonPrimaryClass}" id="loginContinueLink" href="${url.loginAction}">${msg("pageExpiredContinue")}</a>
            <a class="${properties.kcButtonSecondaryClass}" id="loginRestartLink" href="${url.loginRestartFlowUrl}">${msg("pageExpiredRestart")}</a>
        </p>
        <@portal.back/>
    </#if>
</@layout.registrationLayout>
