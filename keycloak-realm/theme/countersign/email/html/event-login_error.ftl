<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("eventLoginErrorSubject")>
<p>${msg("eventLoginErrorLead", realmName)}</p>
<p>${msg("mailNotYou")}</p>
</@layout.emailLayout>
