<#import "template.ftl" as layout>
<@layout.registrationLayout displayInfo=false; section>
    <#if section = "header">
        ${msg("loginChooseAuthenticator")}
    <#elseif section = "form">
    <ul class="cs-choices">
        <#list auth.authenticationSelections as selection>
            <li>
                <form action="${url.loginAction}" method="post">
                    <input type="hidden" name="authenticationExecution" value="${selection.authExecId}">
                    <button class="${properties.kcButtonSecondaryClass}" type="submit" aria-describedby="help-${selection?index}">${msg('${selection.displayName}')}</button>
                    <p class="cs-hint" id="help-${selection?index}">${msg('${selection.helpText}')}</p>
                </form>
            </li>
        </#list>
    </ul>
    </#if>
</@layout.registrationLayout>
