<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("executeActionsSubject")>
<p>${msg("executeActionsLead", realmName)}</p>
<ul><#list requiredActions![] as action>
<li>${msg("requiredAction.${action}")}</li></#list>
</ul>
<@layout.button href=link text=msg("executeActionsButton")/>
<p>${msg("mailLinkLife", linkExpirationFormatter(linkExpiration))}</p>
<p>${msg("executeActionsStranger")}</p>
</@layout.emailLayout>
