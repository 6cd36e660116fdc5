<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("emailVerificationSubject")>
<p>${msg("emailVerificationLead", realmName)}</p>
<@layout.button href=link text=msg("emailVerificationButton")/>
<p>${msg("mailLinkLife", linkExpirationFormatter(linkExpiration))}</p>
<p>${msg("emailVerificationStranger")}</p>
</@layout.emailLayout>
