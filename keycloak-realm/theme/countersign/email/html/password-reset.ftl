<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("passwordResetSubject")>
<p>${msg("passwordResetLead", realmName)}</p>
<@layout.button href=link text=msg("passwordResetButton")/>
<p>${msg("mailLinkLife", linkExpirationFormatter(linkExpiration))}</p>
<p>${msg("passwordResetStranger")}</p>
</@layout.emailLayout>
