<#import "template.ftl" as layout>
<#import "portal.ftl" as portal>
<@layout.registrationLayout; section>
    <#if section = "header">
        ${msg("emailVerifyTitle")}
    <#elseif section = "form">
        <p><#if verifyEmail??>${msg("emailVerifyInstruction1", verifyEmail)}<#else>${msg("emailVerifyInstruction4", user.email)}</#if></p>
        <#if isAppInitiatedAction??>
            <form id="kc-verify-email-form" class="cs-actions" action="${url.loginAction}" method="post">
                <button class="${properties.kcButtonPrimaryClass}" type="submit">${verifyEmail???then(msg("emailVerifyResend"), msg("emailVerifySend"))}</button>
                <button class="${properties.kcButtonSecondaryClass}" type="submit" name="cancel-aia" value="true" formnovalidate>${msg("doCancel")}</button>
            </form>
        <#else>
            <p>${msg("emailVerifyInstruction2")}</p>
            <p><a class="${properties.kcButtonSecondaryClass}" href="${url.loginAction}">${msg("emailVerifyResend")}</a></p>
        </#if>
        <@portal.back/>
    </#if>
</@layout.registrationLayout>
