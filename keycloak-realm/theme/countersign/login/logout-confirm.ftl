<#import "template.ftl" as layout>
<#import "portal.ftl" as portal>
<@layout.registrationLayout; section>
    <#if section = "header">
        ${msg("logoutConfirmTitle")}
    <#elseif section = "form">
        <p>${msg("logoutConfirmHeader")}</p>
        <form id="kc-logout-confirm" action="${url.logoutConfirmAction}" method="post">
            <input type="hidden" name="session_code" value="${logoutConfirm.code}">
            <button class="${properties.kcButtonPrimaryClass}" name="confirmLogout" id="kc-logout" type="submit" value="yes">${msg("doLogout")}</button>
        </form>
        <@portal.back/>
    </#if>
</@layout.registrationLayout>
